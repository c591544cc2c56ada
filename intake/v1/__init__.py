"""What is asked by OpenAI's names: responses, their stores and models, as questions of ours."""
