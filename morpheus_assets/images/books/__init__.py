"""Books of pages: archives, PDFs and EPUBs as folders of pictures, in reading order, and what they say."""
