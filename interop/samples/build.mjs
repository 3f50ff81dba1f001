// Makes a file of an application of this folder and of what it uses from npm.

import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compile } from 'svelte/compiler';

const svelte = {
  name: 'svelte',
  setup: (on) => on.onLoad({ filter: /\.svelte$/ }, async ({ path }) => ({
    contents: compile(await readFile(path, 'utf8'), { filename: path, generate: 'dom' }).js.code,
  })),
};

export async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    jsx: 'automatic',
    plugins: [svelte],
    alias: { vue: 'vue/dist/vue.esm-bundler.js' }, // it compiles templates in the browser
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
  });
  return outputFiles[0].contents;
}
