// Where the package runs: a web page, unless the build puts another platform in this file's place (scripts/build.mjs).

export * from './platform/web.ts';
