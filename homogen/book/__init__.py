"""The book: chapters and how they run, become pages, and leave findings, figures and tables.

What a chapter, its front matter, a profile, a finding or a parameter says wrongly is a
:class:`~homogen.records.BadInput`: one line that names the file, the thing and the mend, with the nearest names.
"""
