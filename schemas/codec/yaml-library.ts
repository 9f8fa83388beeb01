/**
 * The `yaml` package behind a module of our own, to be imported lazily: a bundler that splits chunks hands a CommonJS
 * package's exports to `import()` as a default only.
 */
export * as yaml from 'yaml';
