"""The graph of keypoints the network works on: clusters, nuclei, edges, and normalised depth."""
