"""The learned policies: graph networks in torch, and how their weights are kept."""
