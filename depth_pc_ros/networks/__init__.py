"""The learned policies: graph networks in torch, and the files of their weights."""
