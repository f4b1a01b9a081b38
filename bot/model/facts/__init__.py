"""Hold every kind of fact, by what it is about; `bot.model.event` gives them all."""
