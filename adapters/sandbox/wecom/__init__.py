"""A local stand-in for WeCom (企业微信): a self-built app and an intelligent bot. Figures in `limits.py`, rules in `RULES.md`."""
