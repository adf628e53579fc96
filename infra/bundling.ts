import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Charset, OutputFormat, type BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs'

/** Whether this file is the source: then so is the rest, and `millrace` in a job means it too. */
const fromSource = extname(import.meta.url) === '.ts'

export type FunctionName =
  | 'ingest-http'
  | 'ingest-queue'
  | 'ingest'
  | 'operator'
  | 'coordinator'
  | 'wake-up'
  | 'dead-letter'

/** The file of a function, beside this one: source from source, compiled from compiled. */
export function functionEntry(name: FunctionName): string {
  return fileURLToPath(new URL(`../functions/${name}${fromSource ? '.ts' : '.js'}`, import.meta.url))
}

/**
 * How a function is bundled with its job: one minified ES module with source maps, without what only the embedded runtime
 * and the command need. No Docker: esbuild runs here.
 */
export function bundlingOf(jobEntry: string, bundleAwsSdk: boolean): BundlingOptions {
  const job = resolve(jobEntry)
  if (!existsSync(job)) throw new Error(`entry: expected the file of a job module, found nothing at ${job}`)
  return {
    format: OutputFormat.ESM,
    minify: true,
    // A failure tells the user where in his own code it was.
    sourceMap: true,
    sourcesContent: false,
    keepNames: true,
    charset: Charset.UTF8,
    // What the package supports, so that emulators may run functions on the Node they have.
    target: 'node20',
    mainFields: ['module', 'main'],
    externalModules: [...(bundleAwsSdk ? [] : ['@aws-sdk/*', '@smithy/*']), ...EMBEDDED_ONLY],
    // Packages of the older kind ask for Node's modules by `require`, which a module has only if it makes it.
    banner:
      "import{createRequire as millraceRequire}from'node:module';const require=millraceRequire(import.meta.url);",
    esbuildArgs: {
      '--alias:millrace-job': job,
      '--conditions': fromSource ? 'millrace-source,module' : 'module',
    },
  }
}

/** What no function runs: embedded state on disk, reading TypeScript, native speed-ups that are built for other machines. */
const EMBEDDED_ONLY = ['lmdb', 'tsx', 'msgpackr-extract']
