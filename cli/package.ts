import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const VERSION: string = (require('millrace/package.json') as { readonly version: string }).version
