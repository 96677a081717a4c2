"""Whether restored applications fit together: what is declared, read, judged and told."""
