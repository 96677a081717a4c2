"""Evidence: the record of a drill, made from its journal and nothing else, and the schema it is published under."""
