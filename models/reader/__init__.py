"""The plate reader: an EasyOCR user network of our own, how it is trained, exported and measured."""
