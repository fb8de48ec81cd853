import { defineConfig } from 'vite'

// The page and the API share an origin, as behind a proxy in production: no CORS to set up.
const courselens = process.env['COURSELENS_URL'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  cacheDir: 'dist/.vite',
  server: { host: '127.0.0.1', proxy: { '/graphql': courselens } },
  build: { outDir: 'dist/page' },
})
