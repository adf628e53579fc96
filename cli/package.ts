import { createRequire } from 'node:module'
import { dirname } from 'node:path'

const require = createRequire(import.meta.url)

/** Where this copy of Millrace is installed. */
export const PACKAGE_ROOT: string = dirname(require.resolve('millrace/package.json'))

export const VERSION: string = (require('millrace/package.json') as { readonly version: string }).version
