"""How the learned policies are trained: on simulated point clouds only."""
