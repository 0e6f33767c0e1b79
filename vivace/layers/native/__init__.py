"""What lies between the matrix products of a decode step, compiled where there is a C compiler; plain torch else."""
