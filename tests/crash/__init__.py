"""The crash proof: the running product is killed at every boundary, and nothing may be lost or doubled.

`python -m tests.crash` starts `warroom run` as users do, in its own process, against the stand-ins of the
plain chat and of Slack.
"""
