// The build that the crate embeds: hashed names under assets/, no inline script or style (the page's
// Content-Security-Policy allows none), no asset turned into a data: address.
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';

// While developing: ARNO_DEV_API=http://127.0.0.1:8080 asks a running Arno; without it the recorded
// shapes under mock/ answer. Neither is part of a build.
const upstream = process.env.ARNO_DEV_API;

function recordedAnswers(): Plugin {
  return {
    name: 'recorded-answers',
    apply: 'serve',
    async configureServer(server) {
      if (upstream || process.env.VITEST) return;
      const { answer } = await import('./mock/api.mjs');
      server.middlewares.use((request, response, next) => {
        if (!answer(request, response)) next();
      });
    },
  };
}

export default defineConfig({
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: true }), recordedAnswers()],
  css: {
    preprocessorOptions: {
      // The design system's Sass is written for @import; its warnings are not ours to mend.
      scss: { quietDeps: true, silenceDeprecations: ['import', 'global-builtin', 'color-functions', 'if-function'] },
    },
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 1200,
  },
  server: upstream
    ? { proxy: Object.fromEntries(['/api', '/docs', '/openapi.json'].map((path) => [path, upstream])) }
    : {},
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
