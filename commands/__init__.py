"""One function for each thing that a responder can ask for."""
