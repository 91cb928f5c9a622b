import { readFile, readdir } from 'node:fs/promises';
import weaviate from 'weaviate-client';

const authCredentials = process.env.WEAVIATE_KEY ? new weaviate.ApiKey(process.env.WEAVIATE_KEY) : undefined;
const client = await weaviate.connectToLocal({ authCredentials }); // the two ports that kubectl forwards: 8080 and 50051
await client.collections.delete('Photo'); // so that this file can be run again
const photos = await client.collections.create({
  name: 'Photo',
  properties: [{ name: 'file', dataType: 'text' }, { name: 'image', dataType: 'blob' }],
  vectorizers: weaviate.configure.vectors.multi2VecBind({ imageFields: ['image'] }),
});
const files = (await readdir('photos')).filter((name) => name.endsWith('.jpg')).sort();
const images = await Promise.all(files.map((name) => readFile(`photos/${name}`)));
const { errors } = await photos.data.insertMany(files.map((file, n) => ({ file, image: images[n].toString('base64') })));
console.log(Object.values(errors).map((error) => error.message).join() || 'all are stored');
const byText = await photos.query.nearText('a cat', { limit: 3 });
const byImage = await photos.query.nearImage(images[0], { limit: 3 });
console.log([byText, byImage].map((found) => found.objects.map((item) => item.properties.file)));
await client.close();
