import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const hub = process.env.PARLEY_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
  css: { modules: { localsConvention: 'camelCaseOnly' } },
  build: {
    // scripts/clean-dist.mjs empties it, all but the placeholder.
    emptyOutDir: false,
    manifest: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A few files instead of one for each icon: the libraries change rarely and are fetched once.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'lib', test: /node_modules/, minShareCount: 2 },
            { name: 'shared', test: /src/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: {
    host: '127.0.0.1',
    port: 5199,
    proxy: {
      '/api': { target: hub, changeOrigin: false },
      '/ws': { target: hub, ws: true },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
})
