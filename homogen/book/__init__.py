"""The book: chapters and how they run, become pages, and leave findings, figures and tables."""
