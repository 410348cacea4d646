import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // Small files would otherwise become data: addresses, which the content security policy forbids.
    assetsInlineLimit: 0,
    // The page is one script; there is nothing to preload, and no need for a script that does it in old browsers.
    modulePreload: false,
  },
  server: {
    port: 3000,
    strictPort: true,
    // What nginx does in the image (nginx/server.conf).
    proxy: Object.fromEntries(
      ["/api/", "/health/", "/version"].map((path) => [path, process.env.BACKEND_URL ?? "http://localhost:3001"]),
    ),
  },
});
