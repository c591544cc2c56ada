import json
import subprocess
import sys
from pathlib import Path

HEAVY = (
    "torch", "vllm", "chromadb", "tantivy", "sentence_transformers", "transformers",
    "py3langid", "onnx", "onnxruntime", "tokenizers", "safetensors",
    "tasks.query", "tasks.ingest", "tasks.removal", "adapters", "workers",
)  # fmt: skip

PROGRAM = """
import json, re, sys
from pathlib import Path
from runtime.settings import Settings
from web.app import create_app

app = create_app(Settings(redis_url=sys.argv[1], data_dir=Path(sys.argv[2])))
client = app.test_client()
asked = client.post("/api/queries", json={"question": "x"})
assert asked.status_code == 202, asked.get_data()
served = {}
for rule in app.url_map.iter_rules():
    path = re.sub("<[^>]+>", "x", rule.rule)
    for method in rule.methods:
        with client.open(path, method=method) as answer:
            served[method + " " + path] = answer.status_code
app.extensions["quern"].close()
print(json.dumps({"served": served, "modules": sorted(sys.modules)}))
"""


def test_the_front_end_serves_every_route_without_the_heavy_libraries(
    clean_redis: str, tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROGRAM, clean_redis, str(tmp_path)]
    told = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)

    assert [name for name in HEAVY if name in told["modules"]] == []
    assert len(told["served"]) > 40
    assert [path for path, status in told["served"].items() if status == 500] == []
