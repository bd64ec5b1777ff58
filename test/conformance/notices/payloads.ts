/**
 * Notices in the shapes that the public documentation of each sender describes, with names of our own. Only what their schemas have: fields that are not read
 * are kept where they show that they do no harm.
 */
export const COMMIT = '4f1c2ab90d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a'

const at = (start: number, minutes: number) => new Date(start + minutes * 60_000).toISOString()

interface Told {
  /** Milliseconds: when the deployment was asked for. */
  readonly start: number
  readonly service?: string
  readonly version: string
  readonly number?: number
}

/** GitHub: `deployment`, and `deployment_status` where there is a state. */
export function githubPayload(
  { start, service = 'checkout', version, number = 42 }: Told,
  state?: string,
  minutes = 0,
) {
  const repository = {
    id: 17273051,
    name: service,
    full_name: `acme/${service}`,
    private: true,
    owner: { login: 'acme', id: 38302899, type: 'Organization' },
    default_branch: 'main',
  }
  const url = `https://api.github.com/repos/acme/${service}/deployments/${number}`
  return {
    action: 'created',
    deployment: {
      url,
      id: number,
      node_id: 'DE_x',
      sha: COMMIT,
      ref: `v${version}`,
      task: 'deploy',
      payload: {},
      original_environment: 'production',
      environment: 'production',
      description: null,
      creator: { login: 'octo', id: 1, type: 'User', site_admin: false },
      created_at: at(start, 0),
      updated_at: at(start, minutes),
      statuses_url: `${url}/statuses`,
      repository_url: `https://api.github.com/repos/acme/${service}`,
      production_environment: true,
    },
    ...(state === undefined
      ? {}
      : {
          deployment_status: {
            url: `${url}/statuses/${number}${minutes}`,
            id: number * 1000 + minutes,
            state,
            creator: { login: 'octo', id: 1 },
            description: '',
            environment: 'production',
            target_url: '',
            log_url: `https://github.com/acme/${service}/actions/runs/1`,
            created_at: at(start, minutes),
            updated_at: at(start, minutes),
          },
        }),
    repository,
    sender: { login: 'octo', id: 1 },
  }
}

/** GitLab: a deployment event. */
export function gitlabPayload(told: Told, status: string, minutes = 0) {
  const { start, service = 'checkout', version, number = 15 } = told
  const local = new Date(start + minutes * 60_000 + 2 * 3_600_000).toISOString()
  return {
    object_kind: 'deployment',
    status,
    // As GitLab writes it: local, with an offset.
    status_changed_at: `${local.slice(0, 10)} ${local.slice(11, 19)} +0200`,
    deployment_id: number,
    deployable_id: 796,
    deployable_url: `https://gitlab.example/acme/${service}/-/jobs/796`,
    environment: 'production',
    environment_tier: 'production',
    environment_slug: 'production',
    environment_external_url: 'https://shop.example',
    project: {
      id: 30,
      name: service,
      web_url: `https://gitlab.example/acme/${service}`,
      namespace: 'acme',
      visibility_level: 0,
      path_with_namespace: `acme/${service}`,
      default_branch: 'main',
    },
    short_sha: COMMIT.slice(0, 8),
    user: { id: 1, name: 'Octo', username: 'octo', avatar_url: null, email: '[REDACTED]' },
    user_url: 'https://gitlab.example/octo',
    commit_url: `https://gitlab.example/acme/${service}/-/commit/${COMMIT}`,
    commit_title: 'Pay by card',
    ref: version,
  }
}

/** Argo CD: what the template of deploy/ci/argocd-notifications.yaml makes. */
export function argocdPayload({ start, service = 'checkout', version }: Told, phase: string, minutes = 0) {
  return {
    application: `${service}-production`,
    project: 'shop',
    namespace: 'production',
    labels: { 'app.kubernetes.io/part-of': 'shop' },
    revision: COMMIT,
    phase,
    startedAt: at(start, 1),
    finishedAt: phase === 'Running' ? '' : at(start, minutes),
    images: [`registry.example/acme/${service}:${version}`, 'registry.example/mesh/proxy:1.2'],
    link: `https://argocd.example/applications/${service}-production`,
  }
}

/** CDEvents 0.4: the data of a CloudEvent. */
export function cdevent(told: Told, predicate: string, minutes = 0) {
  const { start, service = 'checkout', version, number = 1 } = told
  return {
    context: {
      version: '0.4.1',
      id: `271069a8-fc18-44f1-b38f-${String(number).padStart(12, '0')}-${predicate}`,
      source: '/shop/deployer',
      type: `dev.cdevents.service.${predicate}.0.2.0`,
      timestamp: at(start, minutes),
    },
    subject: {
      id: `service/${service}`,
      source: '/shop/deployer',
      type: 'service',
      content: {
        environment: { id: 'cluster-1/production', name: 'production', source: '/shop' },
        ...(predicate === 'removed'
          ? {}
          : {
              artifactId: `pkg:oci/${service}@sha256%3A${'0b'.repeat(32)}?repository_url=registry.example&tag=${version}`,
            }),
      },
    },
    customData: {},
    customDataContentType: 'application/json',
  }
}
