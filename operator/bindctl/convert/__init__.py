"""A file of another installation becomes a BindVectorizer, and what has no counterpart is named."""
