// The demo's import and searches through the npm weaviate-client.
// usage: node demo.mjs JOB.json   (written by bind_demo/client/node_client.py)   ->   answers as JSON on stdout
import { readFile } from 'node:fs/promises';
import weaviate from 'weaviate-client';
import { importObjects } from './importing.mjs';
import { ask } from './searches.mjs';

const job = JSON.parse(await readFile(process.argv[2], 'utf8'));
const client = await weaviate.connectToCustom({
  httpHost: job.http_host,
  httpPort: job.http_port,
  httpSecure: false,
  grpcHost: job.grpc_host,
  grpcPort: job.grpc_port,
  grpcSecure: false,
  timeout: { init: 10, query: 60, insert: 120 },
});

try {
  const stored = await importObjects(client, job);
  const answers = [];
  for (const search of job.searches) {
    answers.push(await ask(client, job, search));
  }
  process.stdout.write(JSON.stringify({ stored, answers }));
} finally {
  await client.close();
}
