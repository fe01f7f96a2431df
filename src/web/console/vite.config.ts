import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The server's rules for pages (CSP) allow no inline script: everything is a file. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: { assetsInlineLimit: 0, emptyOutDir: true, target: 'es2023', chunkSizeWarningLimit: 1_500 },
  logLevel: 'warn',
});
