-- withdraw(collection_id, document, generation, chunks): a document that cannot be made whole is
-- not read any more → 1 if it was read
return {withdraw(ARGV[1], ARGV[2], ARGV[3], ARGV[4]) and 1 or 0}
