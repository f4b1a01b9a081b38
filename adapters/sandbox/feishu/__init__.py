"""The stand-in for Feishu and Lark."""
