// One search of the table, asked with weaviate-client where it can, with GraphQL where it cannot.

const MEDIA = { nearAudio: 'audio', nearThermal: 'thermal', nearDepth: 'depth' };

/** Returns {hits: [{slug, distance}], error}: an error of the client becomes the answer's error. */
export async function ask(client, job, search) {
  try {
    return { hits: await hitsOf(client, job, search), error: '' };
  } catch (error) {
    return { hits: [], error: String(error.message ?? error) };
  }
}

async function hitsOf(client, job, { method, vector, payload }) {
  const { query } = client.collections.get(job.schema.class);
  const options = {
    targetVector: vector,
    limit: job.limit,
    returnProperties: ['slug'],
    returnMetadata: ['distance', 'score'],
  };
  switch (method) {
    case 'nearText':
      return distances(await query.nearText(payload, options));
    case 'hybrid':
      return scores(await query.hybrid(payload, { ...options, alpha: job.alpha }));
    case 'nearImage':
      return distances(await query.nearImage(Buffer.from(payload, 'base64'), options));
    case 'nearVector': {
      const stored = await query.fetchObjectById(payload, { includeVector: [vector] });
      return distances(await query.nearVector(perturb(stored.vectors[vector]), options));
    }
    case 'nearVideo': // nearMedia(x, 'video', options) drops the options, and with them the named vector
    case 'nearIMU': // nearMedia(x, 'imu') sends no query at all
      return nearByGraphql(job, method, vector, payload);
    default: // a Buffer, because base64 that starts with a slash (any JPEG) is taken for a path
      return distances(await query.nearMedia(Buffer.from(payload, 'base64'), MEDIA[method], options));
  }
}

async function nearByGraphql({ http_host: host, http_port: port, schema, limit }, method, vector, media) {
  const near = `${method}: {${vector}: ${JSON.stringify(media)}, targetVectors: [${JSON.stringify(vector)}]}`;
  const query = `{ Get { ${schema.class}(limit: ${limit}, ${near}) { slug _additional { distance } } } }`;
  const response = await fetch(`http://${host}:${port}/v1/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors.map((error) => error.message).join('; '));
  return data.Get[schema.class].map((o) => ({ slug: o.slug, distance: o._additional.distance }));
}

const perturb = (vector) => vector.map((value, index) => value * (index % 2 ? 1.02 : 0.98));

const distances = ({ objects }) =>
  objects.map((o) => ({ slug: o.properties.slug, distance: o.metadata.distance }));

const scores = ({ objects }) => objects.map((o) => ({ slug: o.properties.slug, distance: o.metadata.score }));
