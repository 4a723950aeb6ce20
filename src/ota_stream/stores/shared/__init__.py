"""What several workers share: streams and their images, job executions, and the records of what was answered."""
