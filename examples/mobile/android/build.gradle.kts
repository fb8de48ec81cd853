plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
    id("com.apollographql.apollo") version "5.0.0"
}

dependencies {
    implementation("com.apollographql.apollo:apollo-runtime:5.0.0")
    implementation("com.apollographql.adapters:apollo-adapters-core:0.7.0")
}

apollo {
    service("courselens") {
        packageName.set("org.example.courselens")
        srcDir("../graphql")
        schemaFiles.from("../../../schema.graphql")

        mapScalar("Date", "java.time.LocalDate", "com.apollographql.adapter.core.JavaLocalDateAdapter")
        mapScalar("DateTime", "java.time.Instant", "com.apollographql.adapter.core.JavaInstantAdapter")

        // Writes build/generated/manifest/apollo/courselens/persistedQueryManifest.json.
        operationManifestFormat.set("persistedQueryManifest")
    }
}
