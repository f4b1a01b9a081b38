"""Stand-ins of what reaches people by phone: Aliyun's SMS and calls, and a plain HTTP gateway for SMS."""
