import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, vi } from 'vitest'

import type { StreamJobProps } from '../../infra/stream-job-props.ts'
import { StreamJob } from '../../infra/stream-job.ts'

// The CDK loads its parts when they are first used: that takes seconds, and on a busy machine many.
vi.setConfig({ testTimeout: 120_000 })

export interface Synthesised {
  readonly stack: Stack
  readonly job: StreamJob
  readonly template: Template
}

const assemblies = mkdtempSync(join(tmpdir(), 'millrace-synth-'))
afterAll(() => rmSync(assemblies, { recursive: true, force: true }))

/** An application of the CDK that leaves nothing behind. Nothing is bundled: that is tested by itself, and takes its time. */
export function newApp(): App {
  return new App({
    outdir: mkdtempSync(join(assemblies, 'app-')),
    context: { 'aws:cdk:bundling-stacks': [] },
  })
}

/** A stack with the job alone. */
export function synthesise(
  props: Omit<StreamJobProps, 'entry'>,
  prepare: (stack: Stack) => Partial<StreamJobProps> = () => ({}),
): Synthesised {
  const stack = new Stack(newApp(), 'Jobs')
  const job = new StreamJob(stack, 'Job', { entry: ANY_FILE, ...props, ...prepare(stack) })
  return { stack, job, template: Template.fromStack(stack) }
}

/** Stands for the module of a job that a test defines itself. */
const ANY_FILE = fileURLToPath(import.meta.url)

interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

/** Resources of one type, by their logical ids. */
export function resourcesOf(template: Template, type: string): ReadonlyMap<string, Resource> {
  return new Map(Object.entries(template.findResources(type) as Record<string, Resource>))
}

/** Of all resources of one type. */
export function propertiesOf(template: Template, type: string): readonly Resource['Properties'][] {
  return [...resourcesOf(template, type).values()].map(({ Properties }) => Properties)
}

/** Of the policy of a role. */
export interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
  readonly Condition?: unknown
}

/** What a function may do: each action, with what it may do it to. Names are those of the construct: `Queues/Tasks`. */
export function permissionsOf(
  { template }: Pick<Synthesised, 'template'>,
  functionId: string,
): readonly string[] {
  const policies = [...resourcesOf(template, 'AWS::IAM::Policy')].filter(([id]) =>
    new RegExp(`^Job${functionId}RoleDefaultPolicy[0-9A-F]{8}$`).test(id),
  )
  const statements = policies.flatMap(
    ([, { Properties }]) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
  )
  const allowed = statements.flatMap(({ Effect, Action, Resource, Condition }) =>
    [Action].flat().flatMap((action) =>
      (Array.isArray(Resource) ? Resource : [Resource]).map((resource) => {
        const condition = Condition === undefined ? '' : ` if ${JSON.stringify(Condition)}`
        return `${Effect} ${action} on ${nameOf(resource)}${condition}`
      }),
    ),
  )
  return [...new Set(allowed)].toSorted()
}

/** A resource in words: a logical id without the construct's name and hash, and what follows it in an ARN. */
export function nameOf(resource: unknown): string {
  if (typeof resource === 'string') return resource
  const { 'Fn::GetAtt': attribute, 'Fn::Join': joined, Ref: ref } = resource as Record<string, unknown>
  if (Array.isArray(attribute)) return String(attribute[0]).replace(/^Job(.*)[0-9A-F]{8}$/, '$1')
  if (typeof ref === 'string') return ref.replace(/^Job(.*)[0-9A-F]{8}$/, '$1')
  if (Array.isArray(joined)) return (joined[1] as unknown[]).map(nameOf).join(String(joined[0]))
  return JSON.stringify(resource)
}
