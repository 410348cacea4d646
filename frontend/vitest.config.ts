import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    restoreMocks: true,
    testTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: "page",
          environment: "jsdom",
          include: ["tests/page/**/*.test.{ts,tsx}"],
          setupFiles: ["tests/page/setup.ts"],
        },
      },
      { extends: true, test: { name: "files", environment: "node", include: ["tests/files.test.ts"] } },
      { extends: true, test: { name: "nginx", environment: "node", include: ["tests/nginx/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "browser",
          environment: "node",
          include: ["tests/browser/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
