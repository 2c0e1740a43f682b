"""What AWS defines: the service model and what follows from it; knows no registry."""
