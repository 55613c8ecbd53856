"""One module a file format; each gives rows of text, by header name, with their part and row number."""
