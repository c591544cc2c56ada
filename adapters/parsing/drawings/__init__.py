"""What is drawn in Office files: charts, diagrams, the paragraphs of shapes."""
