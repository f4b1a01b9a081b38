"""All four stand-ins on one page, and one bot on all of them."""
