// Not tested: see README.md.
plugins {
    id("com.android.library") version "8.13.0"
    kotlin("android") version "2.4.10"
}

group = "io.github.ubiqlite"
version = "0.1.0"

android {
    namespace = "io.github.ubiqlite"
    compileSdk = 36

    defaultConfig {
        minSdk = 33
        consumerProguardFiles("consumer-rules.pro")
        ndk {
            // No ABI of 32 bits: see README.md.
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }

    sourceSets["main"].kotlin.srcDirs("../ubiqlite/src/main/kotlin")
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11
    }
}

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.10.2")
    api("org.jetbrains.kotlinx:kotlinx-serialization-json:1.8.1")
}
