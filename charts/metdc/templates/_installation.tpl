{{- /* What resources leave out, as the operator reads it: docs/operator.md explains each field. */ -}}
{{- define "metdc.installation" -}}
{{- $collectors := .Values.collectors -}}
{{- $stream := $collectors.stream -}}
operator: {{ include "metdc.installation.name" . }}
image: {{ include "metdc.image" (dict "root" . "image" $collectors.image) }}
imagePullPolicy: {{ $collectors.image.pullPolicy }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
limitShare: {{ $collectors.limitShare | quote }}
{{- with $collectors.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
disruptionBudgets: {{ $collectors.disruptionBudgets }}
networkPolicies: {{ .Values.networkPolicies.enabled }}
captures:
  image: {{ include "metdc.image" (dict "root" . "image" .Values.listings.image) }}
  imagePullPolicy: {{ .Values.listings.image.pullPolicy }}
  {{- with .Values.listings.captures.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.nats.embedded.enabled }}
  nats:
    urls:
    {{- include "metdc.nats.urls" . | nindent 4 }}
    credentialsSecretRef: {name: {{ include "metdc.nats.secret" (dict "root" . "user" "listings") }}}
    inboxPrefix: _INBOX_listings
  {{- end }}
nats:
  {{- include "metdc.installation.nats" . | nindent 2 }}
  stream:
    replicas: {{ $stream.replicas }}
    maxAge: {{ $stream.maxAge }}
    {{- if or $stream.maxBytes .Values.nats.embedded.enabled }}
    maxBytes: {{ include "metdc.mib" (include "metdc.stream.bytes" .) }}
    {{- end }}
    duplicateWindow: {{ $stream.duplicateWindow }}
reportClients:
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .Release.Namespace }}
  podSelector:
    matchLabels: {{- include "metdc.operator.selector" . | nindent 6 }}
{{- with .Values.networkPolicies.monitoring }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "metdc.installation.nats" -}}
{{- $external := .Values.nats.external -}}
urls:
{{- include "metdc.nats.urls" . | nindent 0 }}
{{- with include "metdc.nats.secret" (dict "root" . "user" "collector") }}
credentialsSecretRef:
  name: {{ . }}
{{- end }}
{{- if .Values.nats.embedded.enabled }}
inboxPrefix: _INBOX_collector
{{- else }}
{{- with $external.inboxPrefix }}
inboxPrefix: {{ . }}
{{- end }}
{{- with $external.jetStreamDomain }}
jetStreamDomain: {{ . }}
{{- end }}
{{- with $external.tls }}
{{- if or .caSecret .certSecret .handshakeFirst }}
tls:
  {{- if .caSecret }}
  caSecretRef: {name: {{ .caSecret }}, key: {{ .caKey }}}
  {{- end }}
  {{- if .certSecret }}
  certSecretRef: {name: {{ .certSecret }}}
  {{- end }}
  {{- if .handshakeFirst }}
  handshakeFirst: true
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "metdc.nats.urls" -}}
{{- if .Values.nats.embedded.enabled -}}
{{- list (printf "nats://%s.%s:4222" (include "metdc.nats.fullname" .) .Release.Namespace) | toYaml -}}
{{- else -}}
{{- toYaml .Values.nats.external.urls -}}
{{- end -}}
{{- end -}}

{{- /* The name of a user's Secret; empty where there is none. Takes root and user. */ -}}
{{- define "metdc.nats.secret" -}}
{{- $nats := .root.Values.nats -}}
{{- if $nats.embedded.enabled -}}
{{- get $nats.embedded.existingSecrets .user | default (printf "%s-%s" (include "metdc.nats.fullname" .root) .user) -}}
{{- else if $nats.external.credentials -}}
{{- printf "%s-collector" (include "metdc.nats.fullname" .root) -}}
{{- else -}}
{{- $nats.external.credentialsSecret -}}
{{- end -}}
{{- end -}}
