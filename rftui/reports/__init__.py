"""Reports on studies: findings, figures, examples, and the pages that show them."""
