"""Findings as people see them in a browser: drawings and tables of plain values as markup, and the one-file report made of them.

All that comes from records is text here, whatever stands in it: `markup.tag` escapes it, and makes control characters visible.
Nothing here needs an engine or the net, and no part has a style or a script of its own: `drawing.css` says how they look.
"""
