"""Scores over HTTP: tables held open and read again, questions answered several at once, and the server before them."""
