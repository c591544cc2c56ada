"""What most rows have in common, so that each can be compressed on its own and still be small."""

from typing import Final

#: The preset dictionary of segments (RFC 1950, FDICT). It belongs to the format: with another one
#: no segment can be read, so it never changes. What is most common stands last (RFC 1951).
DICTIONARY: Final = (
    b'"error":"{\\"type\\":\\"internal\\",\\"title\\":\\"Quern failed\\",\\"detail\\":\\"This is '
    b"a fault of Quern, not of the input; the worker log has the "
    b'details.\\"type\\":\\"too_many_attempts\\",\\"title\\":\\"Given up after 3 attempts\\",'
    b'\\"detail\\":\\"The worker running this died each time; the input may be what kills it. '
    b'Look at the worker log, then retry the job.\\"type\\":\\"deadline\\",\\"title\\":\\"Past '
    b'its deadline\\",\\"detail\\":\\"It was not finished in time; submit it again, perhaps with '
    b'a longer deadline_s.\\"type\\":\\"corrupt\\",\\"title\\":\\"Could not be read\\",'
    b'\\"detail\\":\\""state":"cancelled","state":"expired","state":"failed","cancel":"1",'
    b'"retry_of":""counted":"1","deaths":"1","backoff":"30000","told":""outcome":"unchanged",'
    b'"shown_chunks":"1","outcome":"duplicate_of","duplicate_of":""outcome":"superseded",'
    b'"outcome":"empty","note":""sources":"[{\\"chunk_id\\":\\"report.pdf:1760000000000000:0\\",'
    b'\\"document_id\\":\\"report.pdf\\",\\"generation\\":1760000000000000,\\"n\\":0,'
    b'\\"title\\":\\"\\",\\"text\\":\\" of the in and to a is that for on with as by was are from '
    b'\\\\n\\\\n\\",\\"start\\":0,\\"end\\":1000,\\"score\\":0.5,'
    b'\\"dense_score\\":0.\\"sparse_score\\":,\\"page\\":null,\\"page_label\\":\\"\\",'
    b'\\"page_kind\\":\\"page\\",\\"metadata\\":{},\\"context\\":\\"\\",'
    b'\\"parts\\":[{\\"chunk_id\\":\\"{"kind":"document","document":"report.pdf",'
    b'"stage":"publish","role":"embed","owner":"ingest:0190","priority":"9","sha256":"","size":"",'
    b'"filename":"report.pdf","title":"","own_metadata":"","fingerprint":"","made_by":"",'
    b'"request_id":"","job":"0190","class":"ingest","incarnation":"","n":"0","edition":"",'
    b'"chunks":"1","manifest_blob":"","text_blob":"","generation":"1760000000000000",'
    b'"sparse":"current","outcome":"updated","outcome":"created",{"kind":"query",'
    b'"class":"interactive","owner":"interactive","priority":"0","collection":"default",'
    b'"incarnation":"default-","request":"{\\"question\\":\\"What is the \\",\\"history\\":[],'
    b'\\"collection\\":\\"default\\",\\"top_k\\":8,\\"filters\\":null,'
    b'\\"priority\\":\\"interactive\\",\\"max_tokens\\":null,\\"temperature\\":null,'
    b'\\"trace\\":false,\\"deadline_s\\":300,\\"cancel_on_disconnect\\":false}",'
    b'"stage":"generate","stage":"retrieve","role":"retrieve","role":"generate",'
    b'"traceparent":"00-","state":"succeeded","created":"1760000000000000",'
    b'"since":"1760000000000000","deadline":"1760000000000","epoch":"1760000000000000","held":"0",'
    b'"deaths":"0","counted":"0","holder":"","backoff":"15000","stage_claims":"1",'
    b'"claimed":"1760000000000000","waited":"1000","started":"1760000000000000","ms_embed":"1.0",'
    b'"ms_retrieve":"10.0","ms_generate":"1.0","ms_first_token":"","degraded":"[]",'
    b'"standing":"{\\"documents\\":,\\"waiting\\":0,\\"filter_hints\\":[]}","sources_blob":"",'
    b'"trace_blob":"","result":"{\\"answer\\":\\"\\",\\"citations\\":[{\\"source\\":0,'
    b'\\"start\\":0,\\"end\\":100,\\"quote\\":\\"\\",\\"document_id\\":\\"\\",'
    b'\\"chunk_id\\":\\"\\",\\"page\\":null}],\\"answered\\":true,\\"confidence\\":0.,'
    b'\\"generator\\":\\"extractive\\",\\"usage\\":{\\"prompt_tokens\\":0,'
    b'\\"completion_tokens\\":0},\\"finish_reason\\":\\"stop\\",\\"degraded\\":[],'
    b'\\"documents\\":,\\"waiting\\":0,\\"why\\":null}","finished":"1760000000000000",'
    b'"last_event":"1760000000000-0"}'
)
