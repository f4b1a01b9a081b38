"""The report of a postmortem: gathered from the log, worded in a language, written as Markdown or as one HTML page."""

from bot.report.document import Document
from bot.report.draw import page
from bot.report.gather import MOST_PICTURES, Report, gather
from bot.report.markdown import brief, markdown
from bot.report.words import document

__all__ = ["MOST_PICTURES", "Document", "Report", "brief", "document", "gather", "markdown", "page"]
