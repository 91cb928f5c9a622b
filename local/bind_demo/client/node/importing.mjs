// Makes the collection from its REST form and imports the objects in batches.

/**
 * Returns the number of stored objects. Throws an Error naming every refused object.
 * createFromSchema, because the typed configuration sends `IMUFields` where the server reads `imuFields`.
 */
export async function importObjects(client, { schema, objects, batch_size: batchSize }) {
  const name = schema.class;
  if (await client.collections.exists(name)) {
    const known = await client.collections.get(name).config.get();
    if (known.description !== schema.description) await client.collections.delete(name);
  }
  if (!(await client.collections.exists(name))) await client.collections.createFromSchema(schema);
  const collection = client.collections.get(name);
  for (let start = 0; start < objects.length; start += batchSize) {
    const batch = objects.slice(start, start + batchSize);
    const { hasErrors, errors } = await collection.data.insertMany(batch);
    if (hasErrors) {
      const lines = Object.entries(errors).map(([at, e]) => `  ${batch[at].properties.slug}: ${e.message}`);
      throw new Error(`${lines.length} objects were refused:\n${lines.join('\n')}`);
    }
  }
  return await collection.length();
}
