"""A synthetic regional hospital: three years of orders, results and images with every normal oddity, and known losses."""
